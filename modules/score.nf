process SCORE {
    tag "${metas.size() > 1 ? "${metas.first().id} to ${metas.last().id}" : metas.first().id}"
    label 'scan'
    label 'gpu'
    label 'grouped'

    input:
    tuple val(metas), path(slices, stageAs: 'slices/*'), path(reconstructions, stageAs: 'reconstructions/*'), path(mapped, stageAs: 'mapped/*')
    path weights, stageAs: 'weights/*'
    val args
    val code

    output:
    path 'scores/*', emit: scores
    path 'viewer/*/*.js', emit: viewer

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'score.py' slices/* --reconstructions reconstructions --maps mapped --out scores \\
        ${weights ? '--weights weights/*' : ''} ${args}
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir viewer
    for scan in ${metas.id.join(' ')}; do
        mv scores/\$scan/viewer viewer/\$scan
    done
    """

    stub:
    """
    'score.py' --help > /dev/null
    for scan in ${metas.id.join(' ')}; do
        mkdir -p scores/\$scan viewer/\$scan
        touch scores/\$scan/scan.csv viewer/\$scan/{scan,pseudohealthy,likeness,residual}.js
    done
    """
}
